"""Results as Markdown, and as one page of HTML that needs no network."""
