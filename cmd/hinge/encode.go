package main

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/encode"
	"hinge/network"
)

type encodeVerb struct {
	data      dataFlags
	out       outputFlags
	output    string
	decoder   string
	html      string
	precision string
	opt       encode.Options
}

func encodeCommand() *cobra.Command {
	var v encodeVerb
	cmd := &cobra.Command{
		Use:   "encode DATA --dims Q -o OUT",
		Short: "An encoder to a few numbers, and a decoder back, bit for bit",
		Long: `Build an encoder that takes every row of DATA to a code of Q numbers, and a decoder
that gives every input of every row back, bit for bit. The codes of any two rows
are apart by a stated margin, and every class is cut off from the others by a
hyperplane in the code (for Q = 1: it fills an interval), in any order of summation.
The same figures are shown for as many principal directions (PCA). Nothing is said of
rows that are not in DATA.

The decoder is written beside the encoder, unless --decoder names its file.`,
		Example: `hinge encode digits.csv --dims 2 -o encoder.onnx --html codes.html
hinge encode train-images-idx3-ubyte.gz,train-labels-idx1-ubyte.gz --limit 10000 --dims 2 -o encoder.onnx`,
		RunE: v.run,
	}
	v.data.register(cmd)
	v.out.register(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&v.output, "output", "o", "", "the .onnx file of the encoder")
	flags.StringVar(&v.decoder, "decoder", "", "the .onnx file of the decoder (default: the encoder's name with -decoder)")
	flags.StringVar(&v.html, "html", "", "write the report as one HTML file, with pictures of the code")
	flags.IntVar(&v.opt.Dims, "dims", 2, "numbers of a code")
	flags.StringVar(&v.precision, "precision", "float64", "float64 or float32")
	flags.Uint64Var(&v.opt.Seed, "seed", 0, "seed of random choices")
	flags.DurationVar(&v.opt.Patience, "patience", encode.DefaultPatience, "time for the verdict on one class in the codes of PCA")
	return cmd
}

func (v *encodeVerb) run(cmd *cobra.Command, args []string) (err error) {
	p := v.out.begin()
	defer p.end()
	if err := v.settle(); err != nil {
		return err
	}
	in, err := v.data.open(args, 0)
	if err != nil {
		return err
	}
	defer in.done()
	p.stage("reading " + in.name)
	start := time.Now()
	set, err := v.data.read(in)
	if err != nil {
		return err
	}
	read := time.Since(start).Seconds()
	v.opt.Progress = p.stage
	start = time.Now()
	encoder, decoder, r, err := hinge.Encode(cmd.Context(), set, v.opt)
	if err != nil {
		return err
	}
	r.Seconds.Read, r.Seconds.Encode = read, time.Since(start).Seconds()
	if !r.Decoded.Holds {
		return &answerNo{"not every row comes back; nothing is written"}
	}
	var files outputs
	defer func() { files.discard() }()
	for _, f := range []struct {
		path  string
		net   *network.Network
		file  *string
		bytes *int64
	}{{v.output, encoder, &r.Encoder.File, &r.Encoder.Bytes}, {v.decoder, decoder, &r.Decoder.File, &r.Decoder.Bytes}} {
		p.stage("writing " + f.path)
		if err := files.add(f.path, func(w io.Writer) error { return hinge.Write(w, f.net) }); err != nil {
			return err
		}
		*f.file, *f.bytes = f.path, files[len(files)-1].Size()
	}
	if v.html != "" {
		if err := files.add(v.html, r.WriteHTML); err != nil {
			return err
		}
	}
	p.end()
	if err := files.commit(); err != nil {
		return err
	}
	return v.out.print(cmd, r)
}

// settle checks the flags.
func (v *encodeVerb) settle() (err error) {
	if v.output == "" {
		return withHint(errors.New("no output file"), "name it with -o encoder.onnx")
	}
	if v.decoder == "" {
		v.decoder = strings.TrimSuffix(v.output, ".onnx") + "-decoder.onnx"
	}
	if v.decoder == v.output {
		return withHint(errors.New("encoder and decoder would be one file"), "give them two names")
	}
	if v.opt.Dims < 1 {
		return errors.New("--dims is less than 1: give the numbers of a code")
	}
	for _, path := range []string{v.output, v.decoder, v.html} {
		if path == "" {
			continue
		}
		if err := canWrite(path); err != nil {
			return err
		}
	}
	v.opt.Precision, err = network.ParsePrecision(v.precision)
	return err
}
