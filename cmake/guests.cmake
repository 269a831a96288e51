# Programs that run inside the sandbox, compiled from C by zig for
# wasm32-wasi.
#
#     bx_add_guest(NAME SOURCE...
#         [DESTINATION FOLDER]         where NAME.wasm goes
#         [COMPILE_OPTIONS OPTION...]
#         [LINK_OPTIONS OPTION...]
#         [DEPENDS FILE_OR_TARGET...]) generated sources and headers
#     bx_add_wat(FILE.wat... [DESTINATION FOLDER])
#
# FOLDER is build/share/boxagnts/tools without it, and build/tests/guest for
# what lies under tests/.

set(BX_ZIG "${CMAKE_SOURCE_DIR}/build/venv/bin/zig" CACHE FILEPATH
    "The guest compiler (scripts/guest-toolchain installs it)")
if(BX_GUESTS AND NOT EXISTS ${BX_ZIG})
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/scripts/guest-toolchain)
  if(NOT EXISTS ${BX_ZIG})
    message(FATAL_ERROR "guests: no compiler at '${BX_ZIG}'; run `make build`,"
        " give -DBX_ZIG=FILE, or leave the guests out with -DBX_GUESTS=OFF")
  endif()
endif()

set(BX_TOOLS_DIR ${CMAKE_BINARY_DIR}/share/boxagnts/tools)
set(BX_TEST_GUESTS_DIR ${CMAKE_BINARY_DIR}/tests/guest)

function(bx_guest_folder result)
  set(tests ${CMAKE_SOURCE_DIR}/tests)
  cmake_path(IS_PREFIX tests ${CMAKE_CURRENT_SOURCE_DIR} is_test)
  if(is_test)
    set(${result} ${BX_TEST_GUESTS_DIR} PARENT_SCOPE)
  else()
    set(${result} ${BX_TOOLS_DIR} PARENT_SCOPE)
  endif()
endfunction()

function(bx_add_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "DESTINATION"
      "COMPILE_OPTIONS;LINK_OPTIONS;DEPENDS")
  if(NOT arg_DESTINATION)
    bx_guest_folder(arg_DESTINATION)
  endif()

  set(objects)
  foreach(source IN LISTS arg_UNPARSED_ARGUMENTS)
    cmake_path(ABSOLUTE_PATH source
        BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
    cmake_path(GET source FILENAME file)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.dir/${file}.o)
    add_custom_command(OUTPUT ${object}
        COMMAND ${BX_ZIG} cc -target wasm32-wasi -std=gnu11 -O2 -Wall -Wextra
            -I${CMAKE_SOURCE_DIR}/guests/include ${arg_COMPILE_OPTIONS}
            -MD -MF ${object}.d -c ${source} -o ${object}
        DEPENDS ${source} ${BX_ZIG} ${arg_DEPENDS}
        DEPFILE ${object}.d
        COMMENT "Compiling guest ${name}: ${file}"
        VERBATIM)
    list(APPEND objects ${object})
  endforeach()

  set(output ${arg_DESTINATION}/${name}.wasm)
  add_custom_command(OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${arg_DESTINATION}
      COMMAND ${BX_ZIG} cc -target wasm32-wasi -O2 -s
          ${objects} ${arg_LINK_OPTIONS} -o ${output}
      DEPENDS ${objects}
      COMMENT "Linking guest ${name}.wasm"
      VERBATIM)
  add_custom_target(guest_${name} ALL DEPENDS ${output})
endfunction()

function(bx_add_wat)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "DESTINATION" "")
  if(NOT arg_DESTINATION)
    bx_guest_folder(arg_DESTINATION)
  endif()
  foreach(file IN LISTS arg_UNPARSED_ARGUMENTS)
    cmake_path(GET file FILENAME name)
    configure_file(${file} ${arg_DESTINATION}/${name} COPYONLY)
  endforeach()
endfunction()

# The target `product`: what `make build` makes, which is all but the tests.
function(bx_find_targets folder result)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(inner IN LISTS folders)
    bx_find_targets(${inner} more)
    list(APPEND targets ${more})
  endforeach()
  set(${result} ${targets} PARENT_SCOPE)
endfunction()

function(bx_add_product)
  set(guests)
  if(BX_GUESTS AND EXISTS ${CMAKE_SOURCE_DIR}/guests/CMakeLists.txt)
    bx_find_targets(${CMAKE_SOURCE_DIR}/guests guests)
  endif()
  add_custom_target(product
      DEPENDS boxagnts boxagnts_shared boxagnts_static ${guests})
endfunction()
