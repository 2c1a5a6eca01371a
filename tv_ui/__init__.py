"""The 10-foot pages and the phone's: page records, templates, style sheets and scripts."""
