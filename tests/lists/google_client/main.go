// Looks addresses up with Google's own client of the Update API v4, unchanged, at a server of ours.
// Built inside a checkout of github.com/google/safebrowsing: docs/guides/list-formats.md.
package main

import (
	"bufio"
	"fmt"
	"os"
	"time"

	"github.com/google/safebrowsing"
)

func main() {
	// Server, key, database file, and how long to wait for an update in the background.
	wait, err := time.ParseDuration(os.Args[4])
	if err != nil {
		panic(err)
	}
	client, err := safebrowsing.NewSafeBrowser(safebrowsing.Config{
		ServerURL:    os.Args[1],
		APIKey:       os.Args[2],
		DBPath:       os.Args[3],
		UpdatePeriod: time.Second,
		Logger:       os.Stderr,
	})
	if err != nil {
		panic(err)
	}
	time.Sleep(wait)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		threats, err := client.LookupURLs([]string{lines.Text()})
		switch {
		case err != nil:
			fmt.Println("ERROR", err)
		case len(threats[0]) == 0:
			fmt.Println("SAFE")
		default:
			fmt.Println("UNSAFE", threats[0][0].Pattern)
		}
	}
}
