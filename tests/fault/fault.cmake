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
if(TARGET bx_models)
  file(GLOB support CONFIGURE_DEPENDS fault/support*.c)
  add_executable(fault.models fault/models/test_models.c ${support}
      models/turn_server.c net/support_server.c)
  target_include_directories(fault.models PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(fault.models PRIVATE bx_models PkgConfig::CMOCKA)
  target_link_options(fault.models PRIVATE ${wrapped})
  add_test(NAME fault.models COMMAND fault.models)
  set_tests_properties(fault.models PROPERTIES TIMEOUT 900
      ENVIRONMENT "${test_environment}")
endif()
# With the engine. Where there are workers, the program is their template.
if(BX_ENGINE)
  file(GLOB sources CONFIGURE_DEPENDS fault/worker/test_*.c
      fault/overlay/test_*.c)
  file(GLOB support CONFIGURE_DEPENDS fault/support*.c)
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM name)
    string(REPLACE "test_" "fault." target ${name})
    add_executable(${target} ${source} ${support})
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${target} PRIVATE bx_worker bx_overlay
        PkgConfig::CMOCKA)
    target_link_options(${target} PRIVATE ${wrapped})
    add_test(NAME ${target} COMMAND ${target})
    # What hangs ends itself; all of it takes a quarter of an hour.
    set_tests_properties(${target} PROPERTIES TIMEOUT 3600
        ENVIRONMENT "${test_environment}")
  endforeach()
  target_sources(fault.overlay PRIVATE overlay/support.c)
  target_link_options(fault.overlay PRIVATE -Wl,--wrap=bx_engine_diff_lines)
endif()
