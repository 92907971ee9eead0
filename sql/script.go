package sql

// The scripts for people, which no code sends.
const (
	ScriptHeir   Statement = "script/heir"
	ScriptPassOn Statement = "script/pass_on"
	ScriptDrop   Statement = "script/drop"
)
