# libboxagnts: shared, with the engine inside and only boxagnts.h outside; and
# static, with the engine beside it (libboxagnts_engine.a).
set(objects $<TARGET_OBJECTS:bx_core> $<TARGET_OBJECTS:bx_sandbox>)
set(map ${CMAKE_SOURCE_DIR}/cmake/boxagnts.map)

add_library(boxagnts_shared SHARED ${objects})
target_link_libraries(boxagnts_shared PRIVATE bx_flags bx_engine
    PkgConfig::YAML PkgConfig::JANSSON PkgConfig::CRYPTO Threads::Threads
    ${CMAKE_DL_LIBS} m)
target_link_options(boxagnts_shared PRIVATE -Wl,--version-script=${map})
if(NOT BX_SANITIZE)
  target_link_options(boxagnts_shared PRIVATE -Wl,-z,defs)
endif()
set_target_properties(boxagnts_shared PROPERTIES
    OUTPUT_NAME boxagnts
    LINKER_LANGUAGE C
    LINK_DEPENDS ${map}
    VERSION ${PROJECT_VERSION}
    SOVERSION 0
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

add_library(boxagnts_static STATIC ${objects})
set_target_properties(boxagnts_static PROPERTIES
    OUTPUT_NAME boxagnts
    LINKER_LANGUAGE C
    ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

configure_file(cmake/boxagnts.pc.in ${CMAKE_BINARY_DIR}/lib/boxagnts.pc @ONLY)
