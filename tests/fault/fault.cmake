# Tests in which one allocation or system call fails at a time: the linker sends
# those that wrapped.txt names to the wrappers beside it.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    fault/wrapped.txt)
file(STRINGS fault/wrapped.txt wrapped REGEX "^[^#]")
list(TRANSFORM wrapped PREPEND "-Wl,--wrap=")
bx_add_tests(fault bx_core)
bx_add_scripts(fault)
file(GLOB sources CONFIGURE_DEPENDS fault/test_*.c)
foreach(source IN LISTS sources)
  cmake_path(GET source STEM name)
  string(REPLACE "test_" "fault." target ${name})
  target_link_options(${target} PRIVATE ${wrapped})
  # Thousands of runs, mostly in the kernel: slow where others are at work.
  set_tests_properties(${target} PROPERTIES TIMEOUT 900)
endforeach()
if(TARGET fault.wasi)
  target_sources(fault.wasi PRIVATE wasi/support.c)
endif()
