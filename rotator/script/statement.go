package script

import "strings"

// Statement is one statement for psql, or a comment where a name in it cannot be written.
type Statement string

// fill puts names and values into a template, in which they stand as in the files of sql/: :"role" for a name, :'value' for a
// literal. pairs are the words and what each stands for.
func fill(template string, pairs ...string) Statement {
	replace := make([]string, 0, 2*len(pairs))
	for i := 0; i < len(pairs); i += 2 {
		word, text := pairs[i], pairs[i+1]
		if !writable(text) {
			return unwritable(text)
		}
		replace = append(replace, `:"`+word+`"`, Ident(text), ":'"+word+"'", Literal(text))
	}
	return Statement(strings.NewReplacer(replace...).Replace(template))
}

func unwritable(name string) Statement {
	return Statement(comment("The name " + shown(name) + " is not UTF-8, and no statement can hold it: rename it in a database of the encoding that it was made in."))
}
