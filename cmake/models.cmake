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
