# Packages for Debian, by cpack: coffer, libcoffer0, libcoffer-dev and lua-coffer. What is built for /usr is what is
# packed, so: cmake --workflow --preset deb. With SOURCE_DATE_EPOCH the same sources make the same bytes.
set(here ${CMAKE_CURRENT_LIST_DIR})
set(COFFER_MAINTAINER "coffer maintainers <coffer@example.org>" CACHE STRING "Whom the packages name as maintainer")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT ${COFFER_MAINTAINER})
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
	GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${here}/finish.cmake)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_COFFER_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)

# coffer_package(COMPONENT NAME SECTION DESCRIPTION [FIELD VALUE]...): the description's first line is the synopsis.
function(coffer_package component name section description)
	string(TOUPPER ${component} upper)
	set(fields PACKAGE_NAME ${name} PACKAGE_SECTION ${section} DESCRIPTION "${description}" ${ARGN})
	while(fields)
		list(POP_FRONT fields field value)
		set(CPACK_DEBIAN_${upper}_${field} "${value}" PARENT_SCOPE)
	endwhile()
	set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} ${component} PARENT_SCOPE)
endfunction()

set(CPACK_COMPONENTS_ALL)
coffer_package(coffer coffer admin "secrets service for CI on one host
cofferd keeps secrets sealed on disk and hands them to the jobs of a CI host,
each for as long as its run lasts and no longer; every access is on record.
coffer is the command line, for operators and for jobs."
	PACKAGE_RECOMMENDS "systemd | systemd-standalone-sysusers"
	PACKAGE_CONTROL_EXTRA "${here}/postinst\;${here}/prerm\;${here}/postrm")
# Named after its soname, so that the next one can be installed beside it.
coffer_package(libcoffer libcoffer0 libs "client library of a secrets service for CI on one host
libcoffer fetches the secrets of a CI job from coffer's daemon, and replaces
them in what the job prints. libcoffer-admin is for operators and for whatever
starts the jobs. Both need the C library alone."
	PACKAGE_PROVIDES "libcoffer (= ${PROJECT_VERSION})")
coffer_package(libcoffer-dev libcoffer-dev libdevel "client library of a secrets service for CI (development)
libcoffer fetches the secrets of a CI job from coffer's daemon.
.
These are its headers, a static library, and files for pkg-config and CMake."
	PACKAGE_DEPENDS "libcoffer0 (= ${PROJECT_VERSION})")
get_property(luas GLOBAL PROPERTY COFFER_LUA_VERSIONS)
if(luas)
	coffer_package(lua lua-coffer interpreters "Lua client of a secrets service for CI on one host
The module coffer lets a CI job that is written in Lua, or in a language that
becomes Lua, fetch its secrets from coffer's daemon. It is for these versions:
Lua 5.1, LuaJIT, 5.2, 5.3 and 5.4."
		PACKAGE_RECOMMENDS "lua5.4 | lua5.3 | lua5.2 | lua5.1 | luajit")
endif()
include(CPack)
