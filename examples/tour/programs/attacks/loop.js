// Take the processor and never give it back.
console.log('  looping for ever');
for (;;);
