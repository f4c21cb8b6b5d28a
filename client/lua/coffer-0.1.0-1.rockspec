-- In a source checkout: luarocks make client/lua/coffer-0.1.0-1.rockspec
-- It needs what tools/setup build installs, and the headers of the Lua that it is for.
package = "coffer"
version = "0.1.0-1"
source = {
	url = "file://coffer-0.1.0.tar.gz",
	dir = "coffer-0.1.0",
}
description = {
	summary = "Secrets for CI jobs, fetched at the moment of use",
	detailed = [[
		The client of the secrets service coffer: a run claims its bootstrap data once, fetches each secret when
		it needs it, resolves secret:NAME in stored configuration, and redacts what its jobs print.]],
	license = "ISC",
}
dependencies = { "lua >= 5.1, < 5.5" }
build = {
	type = "command",
	build_command = [[rm -rf build/luarocks && cmake -S . -B build/luarocks -DCMAKE_BUILD_TYPE=Release]]
		.. [[ -DBUILD_TESTING=OFF -DCOFFER_LUA_INCLUDE="$(LUA_INCDIR)"]]
		.. [[ && cmake --build build/luarocks --target coffer_lua]],
	install_command = [[mkdir -p "$(LIBDIR)" && cp build/luarocks/client/lua/5.*/coffer.so "$(LIBDIR)"]],
}
