// run: -p CODE
({ sum: [1, 2, 3].reduce((a, b) => a + b), text: 'x' })
