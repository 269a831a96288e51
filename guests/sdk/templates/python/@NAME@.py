"""One call is one run, in a fresh sandbox. Return text, or a dictionary with
content, is_error, structured and metadata; what is raised is the call's error.
"""


def run(input):
    words = len(input["text"].split())
    return {
        "content": f"{words} word{'' if words == 1 else 's'}",
        "metadata": {"words": words},
    }
