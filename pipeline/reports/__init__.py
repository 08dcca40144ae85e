"""Reports of a job: one value (`model.JobReport`), one table of formats (`interface.FORMATS`)."""
