package statedict

import (
	"fmt"
	"strconv"
	"strings"

	"hinge/internal/spell"
	"hinge/network"
)

// chain is a text of layers, read.
type chain struct {
	text   string
	inputs int
	steps  []step
}

// step is an affine map and what follows it.
type step struct {
	name       string // of its tensors, without .weight; empty when the order tells
	width      int    // outputs
	transposed bool   // stored the other way round than its name suggests
	act        network.Activation
}

// notHeld are activations that people write and hinge does not hold.
var notHeld = []string{"tanh", "sigmoid", "leakyrelu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "swish", "softplus", "hardtanh", "relu6", "softmax", "logsoftmax"}

// parse reads a text of layers, as [Options] describes it. Errors are of type
// [*LayersError], or [*UnsupportedError] for an activation that hinge does not
// hold.
func parse(layers string) (*chain, error) {
	c := &chain{text: strings.TrimSpace(layers)}
	fault := func(format string, args ...any) (*chain, error) {
		return nil, &LayersError{layers, fmt.Sprintf(format, args...)}
	}
	const syntax = "write widths from the inputs to the outputs, and relu where one stands: 784-128-relu-10"
	for i, token := range strings.Split(c.text, "-") {
		token = strings.TrimSpace(token)
		last := len(c.steps) - 1
		s, err := parseStep(token)
		switch {
		case err == nil && i == 0:
			if s.name != "" || s.transposed {
				return fault("%q begins it, where the plain number of inputs belongs; %s", token, syntax)
			}
			c.inputs = s.width
		case err == nil:
			c.steps = append(c.steps, s)
		case strings.EqualFold(token, "relu"):
			if last < 0 {
				return fault("relu stands behind the map that it belongs to, not behind the inputs; %s", syntax)
			}
			if c.steps[last].act == network.ReLU {
				return fault("two relu in a row")
			}
			c.steps[last].act = network.ReLU
		case isNotHeld(token):
			return nil, &UnsupportedError{Reason: unheld(token)}
		default:
			return fault("%q is %v; %s", token, err, syntax)
		}
	}
	if len(c.steps) == 0 {
		return fault("no map follows the inputs; %s", syntax)
	}
	return c, nil
}

// isNotHeld reports whether a word is one of notHeld, or meant to be. One that
// may as well be a relu misspelt is not.
func isNotHeld(token string) bool {
	meant := spell.Nearest(token, notHeld)
	return meant != "" && (strings.EqualFold(token, meant) || spell.Nearest(token, []string{"relu"}) == "")
}

func unheld(token string) string {
	text := fmt.Sprintf("the activation %s: hinge holds networks of affine maps and ReLU", token)
	if strings.HasSuffix(strings.ToLower(token), "softmax") {
		text += " (softmax behind the last map does not change which class wins: leave it off)"
	}
	return text
}

// parseStep reads [name:]width[T].
func parseStep(token string) (step, error) {
	var s step
	width := token
	if i := strings.LastIndexByte(token, ':'); i >= 0 {
		s.name, width = token[:i], token[i+1:]
	}
	if n, ok := strings.CutSuffix(width, "T"); ok {
		s.transposed, width = true, n
	}
	v, err := strconv.ParseInt(width, 10, 32)
	if err != nil || v < 1 {
		return step{}, fmt.Errorf("neither a width nor relu")
	}
	s.width = int(v)
	return s, nil
}

// String writes the text that parse reads.
func (c *chain) String() string {
	var b strings.Builder
	fmt.Fprint(&b, c.inputs)
	for _, s := range c.steps {
		b.WriteByte('-')
		if s.name != "" {
			b.WriteString(s.name + ":")
		}
		fmt.Fprint(&b, s.width)
		if s.transposed {
			b.WriteByte('T')
		}
		if s.act == network.ReLU {
			b.WriteString("-relu")
		}
	}
	return b.String()
}
