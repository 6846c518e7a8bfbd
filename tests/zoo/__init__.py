"""Images of others, each as its project's documentation says, with the verdicts that the contract demands for it.

    web, frameworks, training   a folder an image: Dockerfile, server, expected.toml
    `make check-zoo`            builds and checks each  ->  results.json, docs/zoo.md

The expected verdicts are written before the first run. Where the check says something else, one of the two is wrong:
the check is mended, or the reason says what was measured.
"""
