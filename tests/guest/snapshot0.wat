;; A program of the older WASI: writes a line, checks that fd_seek's whence and
;; the filestat layout are snapshot 0's, and exits 0 or with the step that
;; failed.
;;
;; Snapshot 0 has whence CUR 0, END 1, SET 2 (preview1: SET 0, CUR 1, END 2), a
;; filestat of 56 bytes with a 32-bit nlink, and a subscription of 56 bytes.
;; The first mapped folder, 3, must be writable.
(module
  (import "wasi_unstable" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_unstable" "fd_seek"
    (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_unstable" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_unstable" "fd_filestat_get"
    (func $fd_filestat_get (param i32 i32) (result i32)))
  (import "wasi_unstable" "path_open"
    (func $path_open
      (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_unstable" "path_unlink_file"
    (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_unstable" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_unstable" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "hello from snapshot 0\n")
  (data (i32.const 96) "snapshot0.tmp")

  (func $check (param $step i32) (param $ok i32)
    (if (i32.eqz (local.get $ok)) (then (call $exit (local.get $step)))))

  (func (export "_start")
    (local $fd i32)
    ;; iovec at 0: the greeting, 22 bytes.
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 22))
    (call $check (i32.const 1) (i32.eqz
      (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1)
        (i32.const 16))))
    ;; A file to create and write: oflags CREAT | TRUNC, all rights.
    (call $check (i32.const 2) (i32.eqz
      (call $path_open (i32.const 3) (i32.const 0) (i32.const 96)
        (i32.const 13) (i32.const 9) (i64.const 0x1fffffff)
        (i64.const 0x1fffffff) (i32.const 0) (i32.const 20))))
    (local.set $fd (i32.load (i32.const 20)))
    (call $check (i32.const 3) (i32.eqz
      (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1)
        (i32.const 16))))
    ;; SET to 5, CUR by 2, END by -2: 5, 7, 20.
    (call $check (i32.const 4) (i32.eqz
      (call $fd_seek (local.get $fd) (i64.const 5) (i32.const 2)
        (i32.const 24))))
    (call $check (i32.const 5)
      (i64.eq (i64.load (i32.const 24)) (i64.const 5)))
    (call $check (i32.const 6) (i32.eqz
      (call $fd_seek (local.get $fd) (i64.const 2) (i32.const 0)
        (i32.const 24))))
    (call $check (i32.const 7)
      (i64.eq (i64.load (i32.const 24)) (i64.const 7)))
    (call $check (i32.const 8) (i32.eqz
      (call $fd_seek (local.get $fd) (i64.const -2) (i32.const 1)
        (i32.const 24))))
    (call $check (i32.const 9)
      (i64.eq (i64.load (i32.const 24)) (i64.const 20)))
    ;; filestat at 128: filetype at 16 (regular file 4), nlink, 4 bytes, at 20,
    ;; size at 24; what lies behind its 56 bytes stays as it was.
    (i64.store (i32.const 184) (i64.const 0x5a5a5a5a5a5a5a5a))
    (call $check (i32.const 10) (i32.eqz
      (call $fd_filestat_get (local.get $fd) (i32.const 128))))
    (call $check (i32.const 11)
      (i32.eq (i32.load8_u (i32.const 144)) (i32.const 4)))
    (call $check (i32.const 12)
      (i32.eq (i32.load (i32.const 148)) (i32.const 1)))
    (call $check (i32.const 13)
      (i64.eq (i64.load (i32.const 152)) (i64.const 22)))
    (call $check (i32.const 14)
      (i64.eq (i64.load (i32.const 184)) (i64.const 0x5a5a5a5a5a5a5a5a)))
    ;; A clock subscription at 256: userdata at 0, type clock 0 at 8, then the
    ;; clock's own identifier at 16, clock monotonic 1 at 24, timeout at 32.
    (i64.store (i32.const 256) (i64.const 42))
    (i32.store (i32.const 280) (i32.const 1))
    (i64.store (i32.const 288) (i64.const 1000000))
    (call $check (i32.const 15) (i32.eqz
      (call $poll_oneoff (i32.const 256) (i32.const 384) (i32.const 1)
        (i32.const 20))))
    (call $check (i32.const 16)
      (i64.eq (i64.load (i32.const 384)) (i64.const 42)))
    (call $check (i32.const 17) (i32.eqz (call $fd_close (local.get $fd))))
    (call $check (i32.const 18) (i32.eqz
      (call $path_unlink_file (i32.const 3) (i32.const 96) (i32.const 13))))
    (call $exit (i32.const 0))))
