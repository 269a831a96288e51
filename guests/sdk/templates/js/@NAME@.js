// One call is one run, in a fresh sandbox. Return text, or {content, is_error,
// structured, metadata}; what is thrown is the call's error.
function run({ text }) {
  const words = text.split(/\s+/).filter(Boolean).length;
  return {
    content: `${words} word${words === 1 ? "" : "s"}`,
    metadata: { words },
  };
}
