;; An endless loop in the start function: it runs while the module is
;; instantiated, before _start.
(module
  (memory (export "memory") 1)
  (func $forever (loop $again (br $again)))
  (start $forever)
  (func (export "_start")))
