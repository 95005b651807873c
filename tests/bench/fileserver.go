// SPDX-License-Identifier: Apache-2.0

// What Go's net/http makes of a folder of files: fileserver ADDRESS DIRECTORY
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	log.Fatal(http.ListenAndServe(os.Args[1], http.FileServer(http.Dir(os.Args[2]))))
}
