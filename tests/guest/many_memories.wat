;; Six memories of 64 MiB each: together past a limit that each one keeps.
(module
  (memory (export "memory") 1024)
  (memory 1024)
  (memory 1024)
  (memory 1024)
  (memory 1024)
  (memory 1024)
  (func (export "_start")))
