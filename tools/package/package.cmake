# Packages for Debian, by cpack: coffer, coffer-http, coffer-s3, libcoffer0, libcoffer-dev and lua-coffer. What is built for
# /usr is what is packed, so: cmake --workflow --preset deb. With SOURCE_DATE_EPOCH the same sources make the same bytes.
set(here ${CMAKE_CURRENT_LIST_DIR})
set(COFFER_MAINTAINER "coffer maintainers <coffer@example.org>" CACHE STRING "Whom the packages name as maintainer")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
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
set(CPACK_COFFER_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)

# The first line of a description is its synopsis.
set(CPACK_COMPONENTS_ALL coffer libcoffer libcoffer-dev)
set(CPACK_DEBIAN_COFFER_PACKAGE_NAME coffer)
set(CPACK_DEBIAN_COFFER_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_COFFER_PACKAGE_RECOMMENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_COFFER_PACKAGE_CONTROL_EXTRA ${here}/coffer/postinst ${here}/coffer/prerm ${here}/coffer/postrm)
set(CPACK_DEBIAN_COFFER_DESCRIPTION "secrets service for CI on one host
cofferd keeps secrets sealed on disk and hands them to the jobs of a CI host,
each for as long as its run lasts and no longer. Every access is on record.
coffer is the command line, for operators and for jobs.")

# Named after its soname, so that the next one can be installed beside it. cpack's own means to write shlibs would
# look for a soname in the Lua modules too.
set(shlibs ${PROJECT_BINARY_DIR}/package/shlibs)
file(CONFIGURE OUTPUT ${shlibs} CONTENT "libcoffer 0 libcoffer0 (>= ${PROJECT_VERSION})
libcoffer-admin 0 libcoffer0 (>= ${PROJECT_VERSION})
")
set(CPACK_DEBIAN_LIBCOFFER_PACKAGE_NAME libcoffer0)
set(CPACK_DEBIAN_LIBCOFFER_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBCOFFER_PACKAGE_PROVIDES "libcoffer (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_LIBCOFFER_PACKAGE_CONTROL_EXTRA
	${shlibs} ${here}/libcoffer/triggers ${here}/libcoffer/postinst ${here}/libcoffer/postrm)
set(CPACK_DEBIAN_LIBCOFFER_DESCRIPTION "client library of a secrets service for CI on one host
libcoffer fetches the secrets of a CI job from coffer's daemon, and replaces
them in what the job prints. libcoffer-admin is for operators and for whatever
starts the jobs. Both need the C library alone.")

set(CPACK_DEBIAN_LIBCOFFER-DEV_PACKAGE_NAME libcoffer-dev)
set(CPACK_DEBIAN_LIBCOFFER-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBCOFFER-DEV_PACKAGE_DEPENDS "libcoffer0 (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_LIBCOFFER-DEV_DESCRIPTION "client library of a secrets service for CI (development)
libcoffer fetches the secrets of a CI job from coffer's daemon. These are its
headers, a static library, and files for pkg-config and CMake.")

if(TARGET coffer-http)
	list(APPEND CPACK_COMPONENTS_ALL coffer-http)
	set(CPACK_DEBIAN_COFFER-HTTP_PACKAGE_NAME coffer-http)
	set(CPACK_DEBIAN_COFFER-HTTP_PACKAGE_SECTION admin)
	set(CPACK_DEBIAN_COFFER-HTTP_PACKAGE_RECOMMENDS "coffer, systemd | systemd-standalone-sysusers")
	set(CPACK_DEBIAN_COFFER-HTTP_PACKAGE_CONTROL_EXTRA
		${here}/coffer-http/postinst ${here}/coffer-http/prerm ${here}/coffer-http/postrm)
	set(CPACK_DEBIAN_COFFER-HTTP_DESCRIPTION "secrets service for CI on one host (HTTP)
coffer-http lets jobs that cannot be given coffer's socket fetch their secrets
over HTTP or HTTPS. It holds no key and no secret: the daemon decides.")
endif()

if(TARGET coffer-s3)
	list(APPEND CPACK_COMPONENTS_ALL coffer-s3)
	set(CPACK_DEBIAN_COFFER_PACKAGE_SUGGESTS coffer-s3)
	set(CPACK_DEBIAN_COFFER-S3_PACKAGE_NAME coffer-s3)
	set(CPACK_DEBIAN_COFFER-S3_PACKAGE_SECTION admin)
	set(CPACK_DEBIAN_COFFER-S3_PACKAGE_DEPENDS "coffer (= ${PROJECT_VERSION})")
	set(CPACK_DEBIAN_COFFER-S3_DESCRIPTION "secrets service for CI on one host (S3)
coffer-s3 lets coffer's daemon keep its store in an S3 bucket, which those of
several hosts can share. It holds no key: what it stores is sealed.")
endif()

get_property(luas GLOBAL PROPERTY COFFER_LUA_VERSIONS)
if(luas)
	list(APPEND CPACK_COMPONENTS_ALL lua)
	list(JOIN luas ", " luas)
	set(CPACK_DEBIAN_LUA_PACKAGE_NAME lua-coffer)
	set(CPACK_DEBIAN_LUA_PACKAGE_SECTION interpreters)
	set(CPACK_DEBIAN_LUA_PACKAGE_RECOMMENDS "lua5.4 | lua5.3 | lua5.2 | lua5.1 | luajit")
	set(CPACK_DEBIAN_LUA_DESCRIPTION "Lua client of a secrets service for CI on one host
The module coffer lets a CI job that is written in Lua, or in a language that
becomes Lua, fetch its secrets from coffer's daemon.
It is for Lua ${luas}; that for 5.1 is LuaJIT's too.")
endif()
include(CPack)
