# libjpeg-turbo and zlib, such that the built addon needs no -dev package: linked into it where the
# static library is position-independent, else the shared library is copied beside it.
#
# Gives the targets lungcls_jpeg and lungcls_zlib, and bundle_libraries(<target>).

include(CheckCXXSourceCompiles)

find_package(JPEG)
if(NOT JPEG_FOUND)
  message(FATAL_ERROR
    "libjpeg-turbo was not found. Install its development package: libjpeg62-turbo-dev (Debian), "
    "libjpeg-turbo8-dev (Ubuntu), libjpeg-turbo-devel (Fedora), or `brew install jpeg-turbo`.")
endif()
find_package(ZLIB)
if(NOT ZLIB_FOUND)
  message(FATAL_ERROR
    "zlib was not found. Install its development package: zlib1g-dev (Debian, Ubuntu), zlib-devel (Fedora).")
endif()

set(CMAKE_REQUIRED_INCLUDES ${JPEG_INCLUDE_DIRS})
check_cxx_source_compiles("
  #include <cstdio>
  #include <jpeglib.h>
  #ifndef LIBJPEG_TURBO_VERSION
  #error not libjpeg-turbo
  #endif
  int main() { return 0; }" LUNGCLS_JPEG_IS_TURBO)
unset(CMAKE_REQUIRED_INCLUDES)
if(NOT LUNGCLS_JPEG_IS_TURBO)
  message(FATAL_ERROR
    "The libjpeg in ${JPEG_INCLUDE_DIRS} is not libjpeg-turbo; its pixels would not be OpenCV's. Install "
    "libjpeg62-turbo-dev (Debian), libjpeg-turbo8-dev (Ubuntu), libjpeg-turbo-devel (Fedora), or "
    "`brew install jpeg-turbo`.")
endif()

# lungcls_static_links(<result> <archive> <code>): whether a shared library can be made from the archive.
function(lungcls_static_links result archive code)
  if(NOT DEFINED CACHE{${result}})
    set(dir ${CMAKE_BINARY_DIR}/CMakeFiles/${result})
    file(WRITE ${dir}/probe.cpp "${code}")
    file(WRITE ${dir}/CMakeLists.txt
      "cmake_minimum_required(VERSION 3.22)\nproject(probe C CXX)\n"
      "add_library(probe SHARED probe.cpp)\nset_target_properties(probe PROPERTIES POSITION_INDEPENDENT_CODE ON)\n"
      "target_include_directories(probe PRIVATE ${JPEG_INCLUDE_DIRS} ${ZLIB_INCLUDE_DIRS})\n"
      "target_link_libraries(probe PRIVATE ${archive})\n")
    try_compile(linked ${dir}/build ${dir} probe)
    set(${result} ${linked} CACHE INTERNAL "Whether ${archive} is position-independent")
  endif()
endfunction()

# The file behind a chain of links, and the name by which the loader asks for it.
set(LUNGCLS_BUNDLED "" CACHE INTERNAL "Shared libraries to copy beside the addon")

# lungcls_library(<target> <libraries> <include dirs> <static name> <probe code>)
function(lungcls_library target libraries includes static_name code)
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE ${includes})
  list(GET libraries 0 shared)
  if(shared MATCHES "^(optimized|debug)$")
    list(GET libraries 1 shared)
  endif()
  get_filename_component(folder ${shared} DIRECTORY)
  string(TOUPPER ${target} upper)
  find_library(${upper}_STATIC NAMES ${static_name} HINTS ${folder})
  mark_as_advanced(${upper}_STATIC)
  if(${upper}_STATIC)
    lungcls_static_links(${upper}_STATIC_LINKS ${${upper}_STATIC} "${code}")
  endif()
  if(${upper}_STATIC AND ${upper}_STATIC_LINKS)
    message(STATUS "${target}: linked in from ${${upper}_STATIC}")
    target_link_libraries(${target} INTERFACE ${${upper}_STATIC})
    if(NOT APPLE)
      get_filename_component(archive ${${upper}_STATIC} NAME)
      target_link_options(${target} INTERFACE "LINKER:--exclude-libs,${archive}")
    endif()
  else()
    message(STATUS "${target}: ${shared}, copied beside the addon")
    target_link_libraries(${target} INTERFACE ${shared})
    set(LUNGCLS_BUNDLED ${LUNGCLS_BUNDLED} ${shared} CACHE INTERNAL "")
  endif()
endfunction()

lungcls_library(lungcls_jpeg "${JPEG_LIBRARIES}" "${JPEG_INCLUDE_DIRS}" libjpeg.a "
#include <cstdio>
#include <jpeglib.h>
extern \"C\" int probe(jpeg_decompress_struct* d) { jpeg_CreateDecompress(d, JPEG_LIB_VERSION, sizeof *d); jpeg_start_decompress(d); return jpeg_read_header(d, TRUE); }
")
lungcls_library(lungcls_zlib "${ZLIB_LIBRARIES}" "${ZLIB_INCLUDE_DIRS}" libz.a "
#include <zlib.h>
extern \"C\" int probe(z_stream* s) { return inflateInit2(s, -15) + inflate(s, Z_FINISH); }
")

# Copies the shared libraries that `target` was linked with beside it, under the names by which the
# loader asks for them, and makes it look there first.
function(bundle_libraries target)
  if(NOT LUNGCLS_BUNDLED)
    return()
  endif()
  if(APPLE)
    # Homebrew's libraries carry absolute install names and stay where they are.
    return()
  endif()
  set_target_properties(${target} PROPERTIES BUILD_RPATH "$ORIGIN" BUILD_WITH_INSTALL_RPATH ON
    INSTALL_RPATH "$ORIGIN")
  foreach(library IN LISTS LUNGCLS_BUNDLED)
    file(REAL_PATH ${library} real)
    execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${real} OUTPUT_VARIABLE facts)
    if(NOT facts MATCHES "SONAME +([^\n ]+)")
      message(FATAL_ERROR "${real} has no SONAME")
    endif()
    add_custom_command(TARGET ${target} POST_BUILD
      COMMAND ${CMAKE_COMMAND} -E copy_if_different ${real} $<TARGET_FILE_DIR:${target}>/${CMAKE_MATCH_1})
  endforeach()
endfunction()
