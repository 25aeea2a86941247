"""The sample website: a small company's pages, with a script that tells of visits and a form that works without it."""
