"""The knowledge base: articles and playbooks from a folder of files, searched, checked, and what came of them."""
