package network

import "strings"

// MetaReading is the key of what a reader had to decide to make a network out of
// a file that leaves something open, one remark per line.
const MetaReading = "hinge.reading"

// AddReading notes something that the reader of a file decided, or that the file
// leaves open and that a user must know. It travels with the network.
func (n *Network) AddReading(note string) {
	if n.Meta == nil {
		n.Meta = map[string]string{}
	}
	if before := n.Meta[MetaReading]; before != "" {
		note = before + "\n" + note
	}
	n.Meta[MetaReading] = note
}

// Reading returns what [Network.AddReading] noted, in order.
func (n *Network) Reading() []string {
	if n.Meta[MetaReading] == "" {
		return nil
	}
	return strings.Split(n.Meta[MetaReading], "\n")
}
