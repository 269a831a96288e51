;; Asks for 4 GiB before it does anything.
(module
  (memory (export "memory") 65536)
  (func (export "_start")))
