package script

import "strings"

// Statement is one statement for psql, or a comment where a name in it cannot be written.
type Statement string

// fill puts names and values into a template, in which they stand as in the files of sql/: :"role" for a name, :'value' for a
// literal. pairs are the words and what each stands for; a word that comes several times stands for a list.
func fill(template string, pairs ...string) Statement {
	names, values := map[string]string{}, map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		word, text := pairs[i], pairs[i+1]
		if !writable(text) {
			return unwritable(text)
		}
		names[word], values[word] = further(names[word], Ident(text)), further(values[word], Literal(text))
	}
	var replace []string
	for word := range names {
		replace = append(replace, `:"`+word+`"`, names[word], ":'"+word+"'", values[word])
	}
	return Statement(strings.NewReplacer(replace...).Replace(template))
}

func further(list, item string) string {
	if list == "" {
		return item
	}
	return list + ", " + item
}

func unwritable(name string) Statement {
	return Statement(comment("The name " + shown(name) + " is not UTF-8, and no statement can hold it: rename it in a database of the encoding that it was made in."))
}
