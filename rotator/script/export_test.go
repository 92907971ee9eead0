package script

// For the tests of quoting.
var (
	Connect       = connect
	ShellArgument = shellArgument
)
