package evidence

// number stands for a text.
type number int32

// numbers give each text a number, in place of which it is kept many times: in a map without pointers, which is half as large and takes
// the garbage collector no time. The texts are of the catalogue, so that they are no more than its roles and databases.
type numbers struct {
	of    map[string]number
	texts []string
}

func newNumbers() *numbers { return &numbers{of: map[string]number{}} }

// number is that of a text, which is kept.
func (n *numbers) number(text string) number {
	known, found := n.of[text]
	if !found {
		known = number(len(n.texts))
		n.of[text] = known
		n.texts = append(n.texts, text)
	}
	return known
}

func (n *numbers) text(of number) string { return n.texts[of] }
