# Programs that run inside the sandbox, compiled from C by zig for
# wasm32-wasi, and from Rust by cargo for wasm32-wasip1.
#
#     bx_add_guest(NAME SOURCE...
#         [TOOL]                       with guests/sdk/c
#         [MANIFEST FILE]              goes inside, as a tool's
#         [DESTINATION FOLDER]         where NAME.wasm goes
#         [COMPILE_OPTIONS OPTION...]
#         [LINK_OPTIONS OPTION...]
#         [LIBRARIES ARCHIVE...]       linked, and linked again when they change
#         [DEPENDS FILE_OR_TARGET...]) generated sources and headers
#     bx_add_guest_library(NAME SOURCE...
#         [COMPILE_OPTIONS OPTION...] [DEPENDS FILE_OR_TARGET...])
#         the archive BX_GUEST_LIBRARY_NAME, for LIBRARIES
#     bx_add_rust_guest(NAME CRATE_DIR
#         [BIN NAME]                   the crate's program; NAME without it
#         [MANIFEST FILE] [DESTINATION FOLDER]
#         [DEPENDS FILE...])           sources outside CRATE_DIR, what makes it
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

# The JSON library of tools in C (scripts/sources.txt).
set(BX_YYJSON_DIR "${CMAKE_SOURCE_DIR}/build/venv/src/yyjson/yyjson" CACHE PATH
    "Folder with yyjson.c and yyjson.h")
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

# The objects of a guest's C sources.
function(bx_compile_guest name result)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" ""
      "SOURCES;COMPILE_OPTIONS;DEPENDS")
  set(objects)
  foreach(source IN LISTS arg_SOURCES)
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
  set(${result} ${objects} PARENT_SCOPE)
endfunction()

function(bx_add_guest_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "COMPILE_OPTIONS;DEPENDS")
  bx_compile_guest(${name} objects SOURCES ${arg_UNPARSED_ARGUMENTS}
      COMPILE_OPTIONS ${arg_COMPILE_OPTIONS} DEPENDS ${arg_DEPENDS})
  set(output ${CMAKE_CURRENT_BINARY_DIR}/lib${name}.a)
  add_custom_command(OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -E rm -f ${output}
      COMMAND ${BX_ZIG} ar rcs ${output} ${objects}
      DEPENDS ${objects}
      COMMENT "Archiving guest library ${name}"
      VERBATIM)
  add_custom_target(guest_library_${name} DEPENDS ${output})
  set(BX_GUEST_LIBRARY_${name} ${output} CACHE INTERNAL "")
endfunction()

# Finish NAME.wasm in folder: raw, with what the tool says of itself inside.
function(bx_embed_manifest name manifest raw folder)
  cmake_path(ABSOLUTE_PATH manifest
      BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
  set(output ${folder}/${name}.wasm)
  # Naming the target builds it first, and embeds nothing anew when it is newer.
  add_custom_command(OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
      COMMAND boxagnts tool embed ${manifest} ${raw} ${output}.new
      COMMAND ${CMAKE_COMMAND} -E rename ${output}.new ${output}
      DEPENDS ${raw} ${manifest}
      COMMENT "Embedding the manifest of ${name}.wasm"
      VERBATIM)
endfunction()

function(bx_add_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TOOL" "DESTINATION;MANIFEST"
      "COMPILE_OPTIONS;LINK_OPTIONS;LIBRARIES;DEPENDS")
  if(NOT arg_DESTINATION)
    bx_guest_folder(arg_DESTINATION)
  endif()
  if(arg_TOOL)
    list(APPEND arg_COMPILE_OPTIONS
        -I${CMAKE_SOURCE_DIR}/guests/sdk/c -I${BX_YYJSON_DIR})
    list(APPEND arg_LIBRARIES ${BX_GUEST_LIBRARY_tool})
    # zig gives 16 MiB, which would count against a call's memory.
    list(PREPEND arg_LINK_OPTIONS -Wl,-z,stack-size=524288)
  endif()
  bx_compile_guest(${name} objects SOURCES ${arg_UNPARSED_ARGUMENTS}
      COMPILE_OPTIONS ${arg_COMPILE_OPTIONS} DEPENDS ${arg_DEPENDS})

  set(output ${arg_DESTINATION}/${name}.wasm)
  if(arg_MANIFEST)
    set(linked ${CMAKE_CURRENT_BINARY_DIR}/${name}.dir/${name}.wasm)
    bx_embed_manifest(${name} ${arg_MANIFEST} ${linked} ${arg_DESTINATION})
  else()
    set(linked ${output})
  endif()
  add_custom_command(OUTPUT ${linked}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${arg_DESTINATION}
      COMMAND ${BX_ZIG} cc -target wasm32-wasi -O2 -s
          ${objects} ${arg_LIBRARIES} ${arg_LINK_OPTIONS} -o ${linked}
      DEPENDS ${objects} ${arg_LIBRARIES}
      COMMENT "Linking guest ${name}.wasm"
      VERBATIM)
  add_custom_target(guest_${name} ALL DEPENDS ${output})
endfunction()

# One cargo folder for all guests: what two crates need is compiled once, and
# cargo's own lock makes them take turns. CC_ and AR_ are for crates that bring
# C sources.
function(bx_add_rust_guest name crate)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "BIN;MANIFEST;DESTINATION"
      "DEPENDS")
  if(NOT arg_DESTINATION)
    bx_guest_folder(arg_DESTINATION)
  endif()
  if(NOT arg_BIN)
    set(arg_BIN ${name})
  endif()
  cmake_path(ABSOLUTE_PATH crate
      BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${crate}/*.rs)
  set(manifests ${crate}/Cargo.toml ${crate}/Cargo.lock)
  if(arg_DEPENDS) # which may write them
    set(manifests)
  endif()

  set(target wasm32-wasip1)
  set(folder ${CMAKE_BINARY_DIR}/cargo)
  set(jobs $ENV{BX_JOBS})
  if(NOT jobs)
    set(jobs 2)
  endif()
  set(output ${arg_DESTINATION}/${name}.wasm)
  if(arg_MANIFEST)
    set(linked ${CMAKE_CURRENT_BINARY_DIR}/${name}.dir/${name}.wasm)
    bx_embed_manifest(${name} ${arg_MANIFEST} ${linked} ${arg_DESTINATION})
  else()
    set(linked ${output})
  endif()
  cmake_path(GET linked PARENT_PATH linked_folder)
  add_custom_command(OUTPUT ${linked}
      COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${folder}
          CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS=-Ctarget-feature=+simd128
          CC_wasm32_wasip1=${CMAKE_SOURCE_DIR}/cmake/zig-cc
          AR_wasm32_wasip1=${CMAKE_SOURCE_DIR}/cmake/zig-ar
          BX_ZIG=${BX_ZIG}
          cargo build --quiet --release --locked -j${jobs} --target ${target}
          --manifest-path ${crate}/Cargo.toml --bin ${arg_BIN}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${linked_folder}
      COMMAND ${CMAKE_COMMAND} -E copy
          ${folder}/${target}/release/${arg_BIN}.wasm ${linked}
      DEPENDS ${sources} ${manifests} ${arg_DEPENDS}
      COMMENT "Compiling Rust guest ${name}.wasm"
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
