// Answers when a cron expression fires, by the library that kube-controller-manager calls, and as it calls it: reads questions as JSON from standard input, writes
// the answers in their order to standard output.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	// Where the machine has no time zones of its own.
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

type questions struct {
	Expressions []string `json:"expressions"`
	Zones       []string `json:"zones"`
	Times       []moment `json:"times"`
}

// When does the expression fire after this, so many times in a row?
type moment struct {
	Expression string `json:"expression"`
	Zone       string `json:"zone"`
	AfterMs    int64  `json:"afterMs"`
	Count      int    `json:"count"`
}

type answers struct {
	// Whether the API server takes each of them.
	Expressions []bool `json:"expressions"`
	Zones       []bool `json:"zones"`
	// Seconds since the epoch; shorter than asked for where there is no further time, null where the library finds no end.
	Times [][]int64 `json:"times"`
}

func main() {
	var asked questions
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fail(err)
	}
	given := answers{Expressions: []bool{}, Zones: []bool{}, Times: [][]int64{}}
	for _, expression := range asked.Expressions {
		_, err := parse(expression)
		given.Expressions = append(given.Expressions, err == nil && !strings.Contains(expression, "TZ"))
	}
	for _, zone := range asked.Zones {
		given.Zones = append(given.Zones, isZone(zone))
	}
	for _, m := range asked.Times {
		given.Times = append(given.Times, times(m))
	}
	if err := json.NewEncoder(os.Stdout).Encode(given); err != nil {
		fail(err)
	}
}

// The library turns in circles where a whole day is skipped (Pacific/Apia, 30 December 2011).
const patience = 5 * time.Second

func times(m moment) []int64 {
	found := make(chan []int64, 1)
	go func() { found <- timesOf(m) }()
	select {
	case times := <-found:
		return times
	case <-time.After(patience):
		return nil
	}
}

func timesOf(m moment) []int64 {
	// As formatSchedule of the CronJob controller puts them together.
	schedule, err := parse(fmt.Sprintf("TZ=%s %s", m.Zone, m.Expression))
	if err != nil {
		fail(err)
	}
	found := []int64{}
	at := time.UnixMilli(m.AfterMs).UTC()
	for range m.Count {
		at = schedule.Next(at)
		if at.IsZero() {
			break
		}
		found = append(found, at.Unix())
	}
	return found
}

// As ParseCronScheduleWithPanicRecovery of k8s.io/kubernetes/pkg/util/parsers.
func parse(expression string) (schedule cron.Schedule, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("invalid schedule format: %v", r)
		}
	}()
	return cron.ParseStandard(expression)
}

var zoneCharacters = regexp.MustCompile(`^[A-Za-z\.\-_0-9+]{1,14}$`)

// As validateTimeZone of k8s.io/kubernetes/pkg/apis/batch/validation.
func isZone(zone string) bool {
	for _, part := range strings.Split(zone, "/") {
		if part == "." || part == ".." || strings.HasPrefix(part, "-") || !zoneCharacters.MatchString(part) {
			return false
		}
	}
	if strings.EqualFold(zone, "Local") {
		return false
	}
	_, err := time.LoadLocation(zone)
	return err == nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
