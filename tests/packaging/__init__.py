"""The zip a course uploads, set up and run as Gradescope would."""
