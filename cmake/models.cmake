# The table of models as bytes, for src/agent/models/model_load.c.
set(table ${CMAKE_SOURCE_DIR}/src/agent/models/models.yaml)
set(generated ${CMAKE_BINARY_DIR}/models)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${table})
file(READ ${table} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(................................................................................)"
    "\\1\n" bytes "${bytes}")
file(CONFIGURE OUTPUT ${generated}/models_table.inc CONTENT "${bytes}\n" @ONLY)
configure_file(${table} ${CMAKE_BINARY_DIR}/share/boxagnts/models.yaml COPYONLY)
target_include_directories(bx_models PRIVATE ${generated})

# The demo's scripts, in the order of their names, for demo_script.c.
file(GLOB scripts CONFIGURE_DEPENDS
    ${CMAKE_SOURCE_DIR}/src/agent/models/demo/*.json)
set(rows "")
foreach(script IN LISTS scripts)
  cmake_path(GET script FILENAME file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${script})
  file(READ ${script} bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR count "${digits} / 2")
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(................................................................................)"
      "\\1\n" bytes "${bytes}")
  string(APPEND rows
      "{ \"${file}\", (const unsigned char[]){\n${bytes}\n}, ${count} },\n")
  configure_file(${script}
      ${CMAKE_BINARY_DIR}/share/boxagnts/demo/${file} COPYONLY)
endforeach()
file(CONFIGURE OUTPUT ${generated}/demo_scripts.inc CONTENT "${rows}" @ONLY)
