# coffer_pytest(): one ctest test per test_*.py of the calling folder, "<folder>.<file>", so that
# files run in parallel. Nothing is written to the source tree. By hand: ctest -R <folder>.<file> -V
set(COFFER_PYTHON /usr/bin/python3 CACHE FILEPATH "A python with pytest and protobuf")

function(coffer_pytest)
	get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
	file(GLOB files CONFIGURE_DEPENDS test_*.py)
	foreach(file ${files})
		get_filename_component(name ${file} NAME_WE)
		add_test(NAME ${folder}.${name}
			COMMAND ${COFFER_PYTHON} -m pytest -q -p no:cacheprovider -p coffer_test
				-c /dev/null --rootdir ${CMAKE_CURRENT_SOURCE_DIR} ${file})
		set(environment
			PYTHONDONTWRITEBYTECODE=1
			PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/support
			COFFERD=$<TARGET_FILE:cofferd>
			COFFER=$<TARGET_FILE:coffer-cli>
			PROTOC=${PROTOC})
		if(TARGET coffer-http)
			list(APPEND environment COFFER_HTTP=$<TARGET_FILE:coffer-http>)
		endif()
		if(TARGET coffer-s3)
			list(APPEND environment COFFER_S3=$<TARGET_FILE:coffer-s3>)
		endif()
		set_tests_properties(${folder}.${name} PROPERTIES TIMEOUT 900
			ENVIRONMENT "${environment}")
	endforeach()
endfunction()
