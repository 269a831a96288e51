# The engine's static library, from the per-user cache.
if(NOT EXISTS ${BX_ENGINE_DIR}/lib/libboxagnts_engine.a)
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/scripts/engine)
  if(NOT EXISTS ${BX_ENGINE_DIR}/lib/libboxagnts_engine.a)
    message(FATAL_ERROR "engine: no library in '${BX_ENGINE_DIR}'; run"
        " `make build`, or build what needs none with -DBX_ENGINE=OFF")
  endif()
endif()

# Behind the link, the folder's name says what the engine was made of. With
# that name in the commands, another engine rebuilds what leans on it, however
# old its files are.
file(REAL_PATH ${BX_ENGINE_DIR} bx_engine_folder)

add_library(bx_engine STATIC IMPORTED GLOBAL)
set_target_properties(bx_engine PROPERTIES
    IMPORTED_LOCATION ${bx_engine_folder}/lib/libboxagnts_engine.a
    INTERFACE_INCLUDE_DIRECTORIES ${bx_engine_folder}/include)
# What `rustc --print native-static-libs` asks for, less what glibc 2.34 took
# in and the unwinder that every gcc and clang link brings.
target_link_libraries(bx_engine INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
