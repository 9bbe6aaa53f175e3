"""What the panes and screens say, as plain lines: pure functions from the service's views, no widget in
sight."""
