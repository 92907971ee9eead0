package insights

import (
	"strconv"
	"strings"
)

// expression reads "a or b and not c like /d/". Only where the whole of it is shown may it be unmask(@message).
func (p *parser) expression(shown bool) (expression, error) {
	if shown && p.at("unmask") {
		return p.unmask()
	}
	return p.logical("or", yes, func() (expression, error) {
		return p.logical("and", no, p.negation)
	})
}

// unmask reads "unmask(@message)".
func (p *parser) unmask() (expression, error) {
	for _, what := range []string{"unmask", "(", "@message", ")"} {
		if err := p.expect(what); err != nil {
			return nil, err
		}
	}
	if len(p.query.segments) > 0 {
		return nil, p.refuse("unmask after a stats command")
	}
	p.query.unmasks = true
	return unmasked{}, nil
}

func (p *parser) logical(operator string, decisive certainty, operand func() (expression, error)) (expression, error) {
	left, err := operand()
	for err == nil && p.at(operator) {
		if err = p.advance(); err != nil {
			break
		}
		var right expression
		right, err = operand()
		left = logical{left, right, decisive}
	}
	return left, err
}

func (p *parser) negation() (expression, error) {
	negated, err := p.accept("not")
	if err != nil {
		return nil, err
	}
	if !negated {
		return p.comparison()
	}
	e, err := p.negation()
	return negation{e}, err
}

// comparison reads a sum, and what it may be compared with.
func (p *parser) comparison() (expression, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	negated, err := p.accept("not")
	if err != nil {
		return nil, err
	}
	var e expression
	switch operator := p.next.text; {
	case p.at("like"), p.at("=~"), p.at("in"):
		e, err = p.match(left)
	case negated:
		return nil, p.unexpected()
	case p.next.kind == symbol && isComparison(operator):
		if err := p.advance(); err != nil {
			return nil, err
		}
		var right expression
		right, err = p.sum()
		return comparison{left, right, operator}, err
	default:
		return left, nil
	}
	if negated {
		e = negation{e}
	}
	return e, err
}

func isComparison(operator string) bool {
	switch operator {
	case "=", "!=", "<", "<=", ">", ">=":
		return true
	}
	return false
}

// match reads `like "text"`, "like /regex/", "=~ /regex/" or `in ["a", "b"]`.
func (p *parser) match(subject expression) (expression, error) {
	operator := p.next.text
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch {
	case operator == "in":
		members, err := p.members()
		return match{subject, oneOf(members)}, err
	case operator == "like" && p.next.kind == quoted:
		part := p.next.text
		return match{subject, contains(part)}, p.advance()
	}
	pattern, err := p.regex()
	if err != nil {
		return nil, err
	}
	return match{subject, pattern.MatchString}, nil
}

// members reads `["a", "b"]`.
func (p *parser) members() ([]string, error) {
	if err := p.expect("["); err != nil {
		return nil, err
	}
	var members []string
	err := p.list(func() error {
		if p.next.kind != quoted {
			return p.unexpected()
		}
		members = append(members, p.next.text)
		return p.advance()
	})
	if err != nil {
		return nil, err
	}
	return members, p.expect("]")
}

func (p *parser) sum() (expression, error) {
	return p.arithmetic([]string{"+", "-"}, func() (expression, error) {
		return p.arithmetic([]string{"*", "/", "%"}, func() (expression, error) {
			return p.arithmetic([]string{"^"}, p.primary)
		})
	})
}

// arithmetic reads operands that these operators connect.
func (p *parser) arithmetic(operators []string, operand func() (expression, error)) (expression, error) {
	left, err := operand()
	for err == nil {
		operator := p.next.text
		if !p.atAny(operators) {
			return left, nil
		}
		if err = p.advance(); err != nil {
			break
		}
		var right expression
		right, err = operand()
		left = arithmetic{left, right, operator}
	}
	return left, err
}

func (p *parser) atAny(what []string) bool {
	for _, w := range what {
		if p.at(w) {
			return true
		}
	}
	return false
}

// primary reads a literal, a field, a call, or an expression in parentheses.
func (p *parser) primary() (expression, error) {
	switch {
	case p.next.kind == numeral:
		return p.number()
	case p.next.kind == quoted:
		e := literal(ofText(p.next.text))
		return e, p.advance()
	case p.at("("):
		return p.parenthesized()
	case p.next.kind == word && strings.HasPrefix(p.text[skipBlanks(p.text, p.next.end):], "("):
		return p.call()
	}
	return p.field()
}

func (p *parser) number() (expression, error) {
	n, err := strconv.ParseFloat(p.next.text, 64)
	if err != nil {
		return nil, p.unexpected()
	}
	return literal(ofNumber(n)), p.advance()
}

func (p *parser) parenthesized() (expression, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	e, err := p.expression(false)
	if err != nil {
		return nil, err
	}
	return e, p.expect(")")
}

// field reads the name of a field that the records have.
func (p *parser) field() (expression, error) {
	if p.next.kind != word {
		return nil, p.unexpected()
	}
	slot, known := p.slots[p.next.text]
	if !known {
		return nil, p.refuse("nothing defines the field " + p.next.text)
	}
	return fieldRef(slot), p.advance()
}

// call reads a function and its arguments.
func (p *parser) call() (expression, error) {
	name := p.next.text
	if name == "bin" {
		return p.bin()
	}
	f, known := functions[name]
	if !known {
		return nil, p.refuse("the function " + name + " is not known, or not here")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	c := call{apply: f.apply}
	err := p.list(func() error {
		argument, err := p.expression(false)
		c.arguments = append(c.arguments, argument)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(c.arguments) < f.least || len(c.arguments) > f.most {
		return nil, p.refuse("wrong number of arguments of " + name)
	}
	return c, p.expect(")")
}

// bin reads "bin(5m)".
func (p *parser) bin() (expression, error) {
	for _, what := range []string{"bin", "("} {
		if err := p.expect(what); err != nil {
			return nil, err
		}
	}
	digits := run(numeral, p.next.text, 0, isDigit).text
	unit, known := binUnits[p.next.text[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 64)
	if p.next.kind != period || !known || err != nil || n < 1 {
		return nil, p.refuse("the stand-in's bin takes ms, s, m or h")
	}
	if len(p.query.segments) > 0 {
		return nil, p.refuse("bin after a stats command")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	return bin{min(n, unit.most) * unit.width}, p.expect(")")
}
