#!/bin/bash
# Goal of this test: what is installed is enough to build a program, by pkg-config, with the static library
# alone, and by find_package, wherever it is put. usage: install.sh BUILD-FOLDER SOURCE-FOLDER [FLAG...]
set -eu
build=$1 source=$2
shift 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for component in libcoffer libcoffer-dev; do
	cmake --install "$build" --prefix "$folder/first" --component "$component" >/dev/null
done
mv "$folder/first" "$folder/prefix" # nothing may remember the place of the installation
libdir=$(dirname "$(find "$folder/prefix" -name libcoffer.a)")

PKG_CONFIG_PATH=$libdir/pkgconfig
export PKG_CONFIG_PATH
read -ra shared <<<"$(pkg-config --cflags --libs libcoffer-admin)"
cc "$@" -o "$folder/shared" "$source/consumer.c" "${shared[@]}"
LD_LIBRARY_PATH=$libdir "$folder/shared"
read -ra cflags <<<"$(pkg-config --cflags libcoffer-admin)"
cc "$@" -o "$folder/static" "${cflags[@]}" "$source/consumer.c" "$libdir/libcoffer.a"
"$folder/static"

mkdir "$folder/project"
cp "$source/consumer.c" "$folder/project/"
cat >"$folder/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C)
find_package(coffer 0.1 REQUIRED)
foreach(library coffer coffer_static)
	add_executable(with_${library} consumer.c)
	target_link_libraries(with_${library} PRIVATE coffer::${library})
	if(library STREQUAL coffer)
		target_link_libraries(with_${library} PRIVATE coffer::coffer_admin)
	endif()
	add_custom_command(TARGET with_${library} POST_BUILD COMMAND with_${library})
endforeach()
END
cmake -S "$folder/project" -B "$folder/project/build" -DCMAKE_PREFIX_PATH="$folder/prefix" \
	-DCMAKE_C_FLAGS="$*" >/dev/null
cmake --build "$folder/project/build"
