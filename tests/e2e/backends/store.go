package main

import (
	"bufio"
	"encoding/json"
	"os"
	"sync"
)

type Event struct {
	ID   int    `json:"-"`
	Type string `json:"type,omitempty"`
	Data string `json:"data"`
}

// Store holds numbered events in a file, one JSON object a line: event n is line n. A backend that is started again
// goes on there.
type Store struct {
	mutex   sync.Mutex
	file    *os.File
	events  []Event
	changed chan struct{} // closed, and replaced, with each new event
}

func OpenStore(name string) (*Store, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	store := &Store{file: file, changed: make(chan struct{})}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var event Event
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return nil, err
		}
		store.take(event)
	}
	return store, nil
}

func (s *Store) take(event Event) {
	event.ID = len(s.events) + 1
	s.events = append(s.events, event)
}

func (s *Store) Append(event Event) error {
	line, err := json.Marshal(event)
	if err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		return err
	}
	s.take(event)
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// After returns the events after the one with this number, and what is closed as soon as there are more.
func (s *Store) After(id int) ([]Event, <-chan struct{}) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if id > len(s.events) {
		id = len(s.events)
	}
	return s.events[id:], s.changed
}
