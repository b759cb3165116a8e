package network

import "strings"

// MetaNotes is the key of what the reader of a file took for granted or left
// out, a sentence a line.
const MetaNotes = "hinge.notes"

// AddNote keeps a sentence about how a file was read for whoever uses the
// network. It travels with it.
func (n *Network) AddNote(sentence string) {
	if n.Meta == nil {
		n.Meta = map[string]string{}
	}
	if before := n.Meta[MetaNotes]; before != "" {
		sentence = before + "\n" + sentence
	}
	n.Meta[MetaNotes] = sentence
}

// Notes returns the sentences about how the network's file was read, in order.
func (n *Network) Notes() []string {
	if n.Meta[MetaNotes] == "" {
		return nil
	}
	return strings.Split(n.Meta[MetaNotes], "\n")
}
