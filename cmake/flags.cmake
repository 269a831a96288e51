# How everything of ours in C is compiled and linked: the target bx_flags.
include(CheckPIESupported)
include(CheckLinkerFlag)
check_pie_supported()

# Asserts stay: where a guest's bytes lead past one, ending is the safe way.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

add_library(bx_flags INTERFACE)
target_compile_definitions(bx_flags INTERFACE _GNU_SOURCE)
target_include_directories(bx_flags INTERFACE
    ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_compile_options(bx_flags INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wno-format-nonliteral
    -Wno-missing-field-initializers
    -fno-strict-overflow -fstack-protector-strong -fstack-clash-protection
    -ffunction-sections -fdata-sections)
target_link_options(bx_flags INTERFACE
    -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
if(BX_WERROR)
  target_compile_options(bx_flags INTERFACE -Werror)
endif()

# The engine brings 60,000 relative relocations; packed (DT_RELR: binutils
# 2.38, glibc 2.36) they take a twentieth of the space.
check_linker_flag(C -Wl,-z,pack-relative-relocs BX_HAS_RELR)
if(BX_HAS_RELR)
  target_link_options(bx_flags INTERFACE -Wl,-z,pack-relative-relocs)
endif()

if(BX_SANITIZE OR BX_FUZZ)
  target_compile_options(bx_flags INTERFACE
      -fsanitize=address,undefined -fno-sanitize-recover=undefined
      -fno-omit-frame-pointer)
  target_link_options(bx_flags INTERFACE -fsanitize=address,undefined)
else()
  target_compile_options(bx_flags INTERFACE
      $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
if(BX_FUZZ)
  target_compile_options(bx_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Counters in a file that every process of a program shares and maps before it
# does anything else: those of a process that is locked down, killed, or never
# returns count too.
if(BX_COVERAGE)
  set(profile ${CMAKE_BINARY_DIR}/profiles/%m%c.profraw)
  target_compile_options(bx_flags INTERFACE
      -fprofile-instr-generate=${profile} -fcoverage-mapping
      "SHELL:-mllvm -runtime-counter-relocation")
  target_link_options(bx_flags INTERFACE -fprofile-instr-generate=${profile})
endif()
