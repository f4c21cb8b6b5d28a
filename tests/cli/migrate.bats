# migrate. (D3)
load helper

@test "migrate tells what it would move, and then moves it" {
	put REGISTRY_OAUTH_X value
	put BEARER_TOKEN_Y value
	put OTHER value
	coffer migrate --dry-run
	done_silently
	prints $'global/BEARER_TOKEN_Y -> system/workloads/BEARER_TOKEN_Y
global/REGISTRY_OAUTH_X -> system/registry/REGISTRY_OAUTH_X
2 to move, 0 left as they are\n'
	coffer migrate --rule OTHER=edge
	done_silently
	prints $'global/BEARER_TOKEN_Y -> system/workloads/BEARER_TOKEN_Y@1
global/OTHER -> system/edge/OTHER@1
global/REGISTRY_OAUTH_X -> system/registry/REGISTRY_OAUTH_X@1
3 moved, 0 left as they are\n'
	put OTHER again
	coffer migrate --rule OTHER=edge
	prints $'global/OTHER stays: there is system/edge/OTHER@1\n0 moved, 1 left as they are\n'
	coffer get OTHER --scope system/edge --system
	prints value
}

@test "migrate refuses what is no rule" {
	coffer migrate --rule NONE
	refused 1 "a rule is not PATTERN=component"
	coffer migrate operand
	refused 2
}
