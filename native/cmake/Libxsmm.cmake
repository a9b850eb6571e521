# libxsmm, linked into the addon. Gives the target lungcls_libxsmm where it can be had: x86-64 and
# position-independent static libraries (Debian, Ubuntu: libxsmm-dev). Elsewhere there is no such target,
# and tfjs alone trains.
option(LUNGCLS_LIBXSMM "Train the head's first layer with libxsmm, where it is installed" ON)

find_path(LIBXSMM_INCLUDE_DIR libxsmm.h)
find_library(LIBXSMM_LIBRARY NAMES libxsmm.a)
# Its own name for a missing BLAS, which it is never asked for.
find_library(LIBXSMM_NOBLAS_LIBRARY NAMES libxsmmnoblas.a)
mark_as_advanced(LIBXSMM_INCLUDE_DIR LIBXSMM_LIBRARY LIBXSMM_NOBLAS_LIBRARY)

set(why "")
if(NOT LUNGCLS_LIBXSMM)
  set(why "switched off")
elseif(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$" OR APPLE)
  set(why "not for ${CMAKE_SYSTEM_NAME} on ${CMAKE_SYSTEM_PROCESSOR}")
elseif(NOT LIBXSMM_INCLUDE_DIR OR NOT LIBXSMM_LIBRARY OR NOT LIBXSMM_NOBLAS_LIBRARY)
  set(why "not found (Debian, Ubuntu: libxsmm-dev)")
else()
  set(libraries ${LIBXSMM_LIBRARY} ${LIBXSMM_NOBLAS_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS} m)
  if(NOT DEFINED LUNGCLS_LIBXSMM_LINKS)
    # Whether a shared library can be made from it, as the addon is.
    set(dir ${CMAKE_BINARY_DIR}/CMakeFiles/libxsmm-probe)
    file(WRITE ${dir}/probe.cpp
      "#include <libxsmm.h>\nextern \"C\" libxsmm_smmfunction probe() {\n"
      "  return libxsmm_smmdispatch(16, 16, 16, 0, 0, 0, 0, 0, 0, 0);\n}\n")
    file(WRITE ${dir}/CMakeLists.txt
      "cmake_minimum_required(VERSION 3.22)\nproject(probe C CXX)\nfind_package(Threads REQUIRED)\n"
      "add_library(probe SHARED probe.cpp)\n"
      "target_include_directories(probe SYSTEM PRIVATE ${LIBXSMM_INCLUDE_DIR})\n"
      "target_link_libraries(probe PRIVATE ${libraries})\n"
      "target_link_options(probe PRIVATE LINKER:--no-undefined)\n")
    try_compile(linked ${dir}/build ${dir} probe)
    set(LUNGCLS_LIBXSMM_LINKS ${linked} CACHE INTERNAL "Whether ${LIBXSMM_LIBRARY} can be linked in")
  endif()
  if(NOT LUNGCLS_LIBXSMM_LINKS)
    set(why "${LIBXSMM_LIBRARY} cannot be linked into a shared library")
  endif()
endif()

if(why STREQUAL "")
  message(STATUS "lungcls_libxsmm: linked in from ${LIBXSMM_LIBRARY}")
  add_library(lungcls_libxsmm INTERFACE)
  target_include_directories(lungcls_libxsmm SYSTEM INTERFACE ${LIBXSMM_INCLUDE_DIR})
  target_link_libraries(lungcls_libxsmm INTERFACE ${libraries})
  target_link_options(lungcls_libxsmm INTERFACE
    "LINKER:--exclude-libs,libxsmm.a" "LINKER:--exclude-libs,libxsmmnoblas.a")
else()
  message(STATUS "lungcls_libxsmm: ${why}; tfjs alone will train")
endif()
