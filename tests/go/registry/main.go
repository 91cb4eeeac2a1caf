// Command registry is github.com/twmb/franz-go/pkg/sr as a user holds it.
//
//	registry REGISTRY_URL SUBJECT VALUE
//
// What it is given and prints is told in ../../registry/test_registry_foreign.py.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

const (
	first   = `{"type":"record","name":"Order","fields":[{"name":"item","type":"string"}]}`
	second  = `{"type":"record","name":"Order","fields":[{"name":"item","type":"string"},{"name":"count","type":"int","default":1}]}`
	refused = `{"type":"record","name":"Order","fields":[{"name":"added","type":"int"}]}`
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func code(err error) int {
	var answered *sr.ResponseError
	if errors.As(err, &answered) {
		return answered.ErrorCode
	}
	return 0
}

func main() {
	url, subject, value := os.Args[1], os.Args[2], os.Args[3]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client := must(sr.NewClient(sr.URLs(url)))
	own := subject + "/franz-go"
	schema := func(text string) sr.Schema { return sr.Schema{Schema: text} }

	var header sr.ConfluentHeader
	id, packed, err := header.DecodeID(must(hex.DecodeString(value)))
	if err != nil {
		log.Fatal(err)
	}
	writer := must(client.SchemaByID(ctx, id))
	one := must(client.CreateSchema(ctx, own, schema(first)))
	check := must(client.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), own, -1, schema(refused)))
	_, registering := client.CreateSchema(ctx, own, schema(refused))
	two := must(client.CreateSchema(ctx, own, schema(second)))
	referring := must(client.CreateSchema(ctx, own+"-list", sr.Schema{
		Schema:     `{"type":"array","items":"Order"}`,
		References: []sr.SchemaReference{{Name: "Order", Subject: own, Version: 2}},
	}))
	ruled := must(client.CreateSchema(ctx, own+"-ruled", sr.Schema{
		Schema: first,
		SchemaRuleSet: &sr.SchemaRuleSet{DomainRules: []sr.SchemaRule{{
			Name: "named", Kind: sr.SchemaRuleKindCondition, Mode: sr.SchemaRuleModeWrite, Type: "CEL", Expr: "message.item != ''",
		}}},
	}))
	set := client.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFull}, own)
	level := client.Compatibility(ctx, own)
	reset := client.ResetCompatibility(ctx, own)
	mode := client.SetMode(ctx, sr.ModeReadOnly, own)
	_, locked := client.CreateSchema(ctx, own, schema(refused))
	client.ResetMode(ctx, own)
	references := must(client.SchemaReferences(ctx, own, 2))
	guid := must(client.SchemaByGUID(ctx, two.GUID))
	deleted := client.DeleteSchema(ctx, own, 2, sr.SoftDelete)
	if err := client.DeleteSchema(ctx, own, 1, sr.SoftDelete); err != nil {
		log.Fatal(err)
	}
	_, gone := client.SchemaByVersion(ctx, own, 1)
	all := must(client.SubjectVersions(sr.WithParams(ctx, sr.ShowDeleted), own))
	types := must(client.SupportedTypes(ctx))

	must(0, json.NewEncoder(os.Stdout).Encode(map[string]any{
		"writer":     writer.Schema,
		"packed":     hex.EncodeToString(packed),
		"written":    hex.EncodeToString(must(sr.Encode(nil, &header, one.ID, nil, func(any) ([]byte, error) { return []byte("\x06pen"), nil }))),
		"versions":   []int{one.Version, two.Version},
		"check":      check,
		"refused":    []int{code(registering), code(locked), code(deleted), code(gone)},
		"level":      []any{set[0].Err == nil, level[0].Level.String(), reset[0].Err == nil, mode[0].Mode.String()},
		"references": len(references) == 1 && references[0].ID == referring.ID,
		"rules":      ruled.SchemaRuleSet.DomainRules[0].Name,
		"guid":       guid.Schema.Schema,
		"all":        all,
		"types":      len(types),
	}))
}
