"""Mutants and odd images, which prove each point of the check able to fail, and able to pass.

    image, training, requests, lifecycle: an Entry for each point  ->  table  ->  run  ->  Outcome
    `make mutants`: __main__, which runs the table and prints it

A mutant is the good image with one fault: its point reports it, and no other point does. An odd image is unusual but
compliant by the contract's documents: its points report nothing. The odd images were written from those documents,
not from the code of the check.
"""
