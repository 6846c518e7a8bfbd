"""Jobs beside the plain training job: data preparation as a processing job, rarely needed options."""
