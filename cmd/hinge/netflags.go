package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/network"
	"hinge/nnet"
	"hinge/statedict"
)

// netFlags say how NET is read where its file leaves that open, the same for
// every verb that takes networks.
type netFlags struct {
	layers string
	nnet   string
	suffix string // of the flags' names: -b for the second of two networks
}

func (f *netFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.layers, "layers", "", "NET is a state dict (.pt, .safetensors): its layers, as in 784-128-relu-10")
	flags.StringVar(&f.nnet, "nnet", "auto", "NET is an .nnet file: auto, raw, normalised or clipped inputs and outputs")
}

// load loads networks. A flag that concerns none of them is an error, so that
// none is silently ignored.
func (f *netFlags) load(paths ...string) ([]*network.Network, error) {
	reading, err := nnet.ParseReading(f.nnet)
	if err != nil {
		return nil, fmt.Errorf("--nnet%s: %w", f.suffix, err)
	}
	layersUsed, nnetUsed := f.layers == "", reading == nnet.Auto
	var nets []*network.Network
	for _, path := range paths {
		if path == "" {
			return nil, withHint(errors.New("no network given"), "name an .onnx file")
		}
		if !layersUsed || !nnetUsed {
			format, err := hinge.FormatOf(path)
			if err != nil {
				return nil, err
			}
			layersUsed = layersUsed || format == hinge.Torch || format == hinge.Safetensors
			nnetUsed = nnetUsed || format == hinge.NNet
		}
		net, err := hinge.LoadWith(path, hinge.LoadOptions{Layers: f.layers, NNet: reading})
		if err != nil {
			return nil, f.hintLayers(err)
		}
		nets = append(nets, net)
	}
	switch {
	case !layersUsed:
		return nil, withHint(fmt.Errorf("--layers%s is for state dicts (.pt, .safetensors); this file says its layers itself", f.suffix), "leave it off")
	case !nnetUsed:
		return nil, withHint(fmt.Errorf("--nnet%s is for .nnet files", f.suffix), "leave it off")
	}
	return nets, nil
}

// network loads the network that verbs take first.
func (f *netFlags) network(args []string) (*network.Network, error) {
	if len(args) == 0 || args[0] == "" {
		return nil, withHint(errors.New("no network given"), "name an .onnx file, then DATA")
	}
	nets, err := f.load(args[0])
	if err != nil {
		return nil, err
	}
	return nets[0], nil
}

// otherReading says which of the networks are read with a normalisation that
// nobody asked for, so that comparing the bare chains may say something else.
func (f *netFlags) otherReading(paths []string, nets []*network.Network) string {
	for i, path := range paths {
		if format, err := hinge.FormatOf(path); err != nil || format != hinge.NNet || f.nnet != nnet.Auto.String() {
			continue
		}
		raw, err := hinge.LoadWith(path, hinge.LoadOptions{NNet: nnet.Raw})
		if err == nil && len(raw.Layers) != len(nets[i].Layers) {
			return path + " is read with its header's normalisation; --nnet" + f.suffix + " raw compares the bare chains"
		}
	}
	return ""
}

// hintLayers adds the flag that answers what a file leaves open.
func (f *netFlags) hintLayers(err error) error {
	var ask *statedict.AskError
	if !errors.As(err, &ask) {
		return err
	}
	example := ask.Example
	if example == "" {
		example = "784-128-relu-10"
	}
	return withHint(err, "hinge ... --layers%s %s\nwrites widths from the inputs to the outputs, and relu where one stands", f.suffix, example)
}
