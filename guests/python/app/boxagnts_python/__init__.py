"""What turns CPython in a component into a tool and a program."""
