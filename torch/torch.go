// Package torch reads networks from the state dicts that PyTorch saves (.pt,
// .pth).
//
// For most uses, call [Decode] with the bytes of a file and the layers that it
// is to be read as (see package statedict: a state dict names tensors and no
// architecture).
//
// Since PyTorch 1.6, torch.save writes a zip archive, nothing in it compressed:
//
//	NAME/data.pkl      a pickle: the dict, its tensors by reference
//	NAME/data/0, ...   storages: the elements, bare
//	NAME/byteorder     "little" or "big" (absent: little)
//
// A pickle is a program that may call any Python function. This package runs a
// machine of its own that knows dicts, lists, tuples, texts and numbers, and of
// functions only the few that rebuild tensors; any other is refused by name. No
// code is run, nothing outside the bytes given is looked at, and memory is bounded
// by a small multiple of their number.
package torch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path"
	"strings"

	"hinge/network"
	"hinge/statedict"
)

// The ways out.
const (
	saveStateDict = "save the weights alone: torch.save(model.state_dict(), PATH)"
	saveAgain     = "save it again with a PyTorch since 1.6: torch.save(torch.load(PATH), PATH)"
)

// magic begins the format before 1.6: the pickle of a number that spells it.
var magic = []byte{0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19}

// IsLegacy reports whether a file begins as torch.save wrote them before 1.6.
func IsLegacy(data []byte) bool { return bytes.HasPrefix(data, magic) }

// Decode reads a network from the bytes of a PyTorch file. The layers are a text
// as [statedict.Options] describes it; it may be empty for a single matrix. A
// checkpoint, a dict that holds a state dict among other things, is read too.
// Errors are of type [*FormatError], [*UnsupportedError], or those of
// [statedict.Network].
func Decode(data []byte, layers string) (*network.Network, error) {
	tensors, key, err := Tensors(data)
	if err != nil {
		return nil, err
	}
	net, err := statedict.Network(tensors, statedict.Options{Layers: layers, Ordered: true})
	if err == nil && key != "" {
		net.AddNote(fmt.Sprintf("The state dict is the entry %q of a checkpoint.", key))
	}
	return net, err
}

// Tensors returns the tensors of the state dict in a file, in its order, and the
// key under which it lies in a checkpoint ("" for none).
func Tensors(data []byte) (tensors []statedict.Tensor, key string, err error) {
	a, err := open(data)
	if err != nil {
		return nil, "", err
	}
	program, err := a.part("data.pkl")
	if err != nil {
		return nil, "", err
	}
	m := &machine{archive: a, code: program}
	value, err := m.run()
	if err != nil {
		return nil, "", err
	}
	root, ok := value.(*dict)
	if !ok {
		return nil, "", &UnsupportedError{Reason: fmt.Sprintf("it holds %s, not a state dict; %s", describe(value), saveStateDict)}
	}
	return stateDict(root)
}

// archive is a zip file whose parts are slices of its bytes.
type archive struct {
	parts map[string][]byte // by name below the archive's folder
	order binary.ByteOrder  // of the elements
	total int               // bytes of all storages
}

func open(data []byte) (*archive, error) {
	if IsLegacy(data) {
		return nil, &UnsupportedError{Reason: "it is in the format before PyTorch 1.6; " + saveAgain}
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, &FormatError{Reason: fmt.Sprintf("it is no zip archive (%v); it begins with %q", err, data[:min(len(data), 16)])}
	}
	a := &archive{parts: map[string][]byte{}, order: binary.LittleEndian}
	root, err := folderOf(z)
	if err != nil {
		return nil, err
	}
	for _, f := range z.File {
		name, ok := strings.CutPrefix(f.Name, root)
		if !ok || strings.HasSuffix(name, "/") {
			continue
		}
		b, err := bare(f, data)
		if err != nil {
			return nil, err
		}
		if a.parts[name] != nil {
			return nil, &FormatError{f.Name, "stored twice"}
		}
		a.parts[name] = b
		if strings.HasPrefix(name, "data/") {
			a.total += len(b)
		}
	}
	if string(bytes.TrimSpace(a.parts["byteorder"])) == "big" {
		a.order = binary.BigEndian
	}
	// Parts that share their bytes could stand for more than the file has.
	if a.total > len(data) {
		return nil, &FormatError{Reason: "the parts of the archive overlap"}
	}
	return a, nil
}

// folderOf returns the folder of data.pkl, "" or with its slash.
func folderOf(z *zip.Reader) (string, error) {
	root, found := "", false
	for _, f := range z.File {
		dir, base := path.Split(f.Name)
		switch base {
		case "constants.pkl", "model.weights.h5":
			return "", refuseArchive(base)
		case "data.pkl":
			if found {
				return "", &FormatError{Reason: "the archive has two data.pkl"}
			}
			root, found = dir, true
		}
	}
	if !found {
		return "", &FormatError{Reason: "the archive has no data.pkl"}
	}
	return root, nil
}

func refuseArchive(base string) error {
	if base == "constants.pkl" {
		return &UnsupportedError{Reason: "it is a TorchScript program, code and all; save the weights alone: torch.save(torch.jit.load(PATH).state_dict(), NEW)"}
	}
	return &UnsupportedError{Reason: "it is a Keras archive, not PyTorch's; export the model to ONNX: model.export(PATH, format=\"onnx\")"}
}

// bare returns the bytes of a part that is not compressed.
func bare(f *zip.File, data []byte) ([]byte, error) {
	if f.Method != zip.Store || f.Flags&1 != 0 {
		return nil, &UnsupportedError{f.Name, "compressed or encrypted, which torch.save does not do: pack the archive without compression, or " + saveStateDict}
	}
	at, err := f.DataOffset()
	size := f.UncompressedSize64
	if err != nil || at < 0 || at > int64(len(data)) || size > uint64(int64(len(data))-at) || size != f.CompressedSize64 {
		return nil, &FormatError{f.Name, "its bytes lie outside the file"}
	}
	b := data[at : at+int64(size)]
	if sum := crc32.ChecksumIEEE(b); sum != f.CRC32 {
		return nil, &FormatError{f.Name, fmt.Sprintf("its checksum is %08x, not %08x: the file was damaged, or saved without checksums", sum, f.CRC32)}
	}
	return b, nil
}

func (a *archive) part(name string) ([]byte, error) {
	b, ok := a.parts[name]
	if !ok {
		return nil, &FormatError{Reason: "the archive has no " + name}
	}
	return b, nil
}

// stateDict finds the dict of tensors: the root, or its only entry that is one.
func stateDict(root *dict) ([]statedict.Tensor, string, error) {
	if t := tensorsOf(root); t != nil {
		return t, "", nil
	}
	var found []statedict.Tensor
	var keys []string
	for i, k := range root.keys {
		name, isText := k.(string)
		inner, isDict := root.values[i].(*dict)
		if !isText || !isDict {
			continue
		}
		if t := tensorsOf(inner); t != nil {
			found, keys = t, append(keys, name)
		}
	}
	switch len(keys) {
	case 1:
		return found, keys[0], nil
	case 0:
		return nil, "", &UnsupportedError{Reason: "it holds no dict of tensors; " + saveStateDict}
	}
	return nil, "", &UnsupportedError{Reason: fmt.Sprintf("it is a checkpoint with %d state dicts (%s); save the one that is meant: torch.save(torch.load(PATH)[%q], NEW)",
		len(keys), strings.Join(keys[:min(len(keys), 8)], ", "), keys[0])}
}

// tensorsOf returns the tensors of a dict of nothing but named tensors, or nil.
func tensorsOf(d *dict) []statedict.Tensor {
	var tensors []statedict.Tensor
	for i, k := range d.keys {
		name, isText := k.(string)
		t, isTensor := d.values[i].(*tensor)
		if !isText || !isTensor {
			return nil
		}
		tensors = append(tensors, t.named(name))
	}
	return tensors
}
