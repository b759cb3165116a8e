package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hinge/dataset"
	"hinge/network"
)

// A subject is a network with the rows of a table: what verbs on NET DATA work on.
type subject struct {
	net    *network.Network
	set    *dataset.Set
	own    bool    // the targets are the network's own answers: the table has none
	source string  // the table's name
	read   float64 // seconds
}

// subjectFlags are the flags that say what NET and DATA are.
type subjectFlags struct {
	net   netFlags
	data  dataFlags
	scale scaleFlag
}

func (f *subjectFlags) register(cmd *cobra.Command) {
	f.net.register(cmd)
	f.data.register(cmd)
	f.scale.register(cmd)
}

// load loads NET, lets prepare change it if that is not nil, and reads DATA for it.
func (f *subjectFlags) load(args []string, p *progress, prepare func(*network.Network) (*network.Network, error)) (*subject, error) {
	in, err := f.data.open(args, 1)
	if err != nil {
		return nil, err
	}
	defer in.done()
	s := &subject{source: in.name}
	if s.net, err = f.net.network(args); err != nil {
		return nil, err
	}
	if prepare != nil {
		if s.net, err = prepare(s.net); err != nil {
			return nil, err
		}
	}
	p.stage("reading " + in.name)
	start := time.Now()
	s.set, s.own, err = f.data.rows(s.net, in, &f.scale)
	s.read = time.Since(start).Seconds()
	return s, err
}

// checkFraction says what is wrong with a flag that was given and is no fraction
// of what of names.
func checkFraction(cmd *cobra.Command, name string, value float64, of string) error {
	if cmd.Flags().Changed(name) && !(value > 0 && value < 1) {
		return fmt.Errorf("--%s is %v: give a fraction of %s, above 0 and below 1", name, value, of)
	}
	return nil
}
