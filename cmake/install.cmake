# What `make install` puts under PREFIX.
install(TARGETS boxagnts boxagnts_shared boxagnts_static
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${bx_engine_folder}/lib/libboxagnts_engine.a
    DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/boxagnts.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_BINARY_DIR}/lib/boxagnts.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY ${BX_TOOLS_DIR}/
    DESTINATION ${CMAKE_INSTALL_DATADIR}/boxagnts/tools
    FILES_MATCHING PATTERN "*.wasm")
install(DIRECTORY ${CMAKE_BINARY_DIR}/share/boxagnts/sdk
    DESTINATION ${CMAKE_INSTALL_DATADIR}/boxagnts)
install(FILES ${CMAKE_BINARY_DIR}/share/boxagnts/models.yaml
    DESTINATION ${CMAKE_INSTALL_DATADIR}/boxagnts OPTIONAL)
install(DIRECTORY ${CMAKE_BINARY_DIR}/share/boxagnts/demo
    DESTINATION ${CMAKE_INSTALL_DATADIR}/boxagnts)
install(FILES LICENSE LICENSES.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES docs/boxagnts.1 OPTIONAL
    DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

# The program writes its own completions; each shell looks in its own place.
foreach(completion
    bash:bash-completion/completions/boxagnts
    zsh:zsh/site-functions/_boxagnts
    fish:fish/vendor_completions.d/boxagnts.fish)
  string(REPLACE ":" ";" completion ${completion})
  list(GET completion 0 shell)
  list(GET completion 1 path)
  cmake_path(GET path PARENT_PATH folder)
  cmake_path(GET path FILENAME file)
  set(made ${CMAKE_BINARY_DIR}/completions/${shell}/${file})
  install(CODE "
    execute_process(COMMAND \"$<TARGET_FILE:boxagnts>\" completion ${shell}
        OUTPUT_VARIABLE text RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
      message(FATAL_ERROR \"boxagnts completion ${shell} failed: \${status}\")
    endif()
    file(WRITE \"${made}\" \"\${text}\")")
  install(FILES ${made} DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder})
endforeach()

# Programs find a new shared library by ldconfig's index; below DESTDIR that is
# the package manager's work, and in a home there is none.
find_program(BX_LDCONFIG ldconfig PATHS /sbin /usr/sbin)
mark_as_advanced(BX_LDCONFIG)
if(BX_LDCONFIG)
  install(CODE "
    execute_process(COMMAND id -u OUTPUT_VARIABLE user
        OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(\"\$ENV{DESTDIR}\" STREQUAL \"\" AND user STREQUAL \"0\")
      execute_process(COMMAND \"${BX_LDCONFIG}\")
    endif()")
endif()
